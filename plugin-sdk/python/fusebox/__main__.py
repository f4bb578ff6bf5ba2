"""`python -m fusebox MODULE`: what the build must know of a plugin before it makes its
component, as JSON. An exception of the module is shown as Python shows it.
"""

import importlib
import json
import sys

from .plugin import PLUGIN

importlib.import_module(sys.argv[1])
print(json.dumps({"exports": PLUGIN.exports()}))
