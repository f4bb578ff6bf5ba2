"""The tools as functions, on this machine."""

import unittest

from fusebox import ToolError
from plugin import hello


class Hello(unittest.TestCase):
    def test_someone_is_greeted(self) -> None:
        self.assertEqual(hello("Ada"), "Hello, Ada!")

    def test_nobody_is_not_greeted(self) -> None:
        with self.assertRaisesRegex(ToolError, "The name is empty"):
            hello(" ")
