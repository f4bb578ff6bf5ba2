"""Reads files of YAML, several documents in each, and prints what is in them as JSON: a
list of documents for each file, in order. With --kubernetes, each document has to fit
the strict schema of its kind."""

import json
import sys

import yaml


def documents(path):
    with open(path, encoding="utf-8") as file:
        return [document for document in yaml.safe_load_all(file) if document is not None]


def main(arguments):
    is_kubernetes = "--kubernetes" in arguments
    files = [argument for argument in arguments if not argument.startswith("--")]
    read = [documents(path) for path in files]
    if is_kubernetes:
        import kubernetes_validate

        for document in (document for documents in read for document in documents):
            kubernetes_validate.validate(document, "1.33", strict=True)
    print(json.dumps(read))


main(sys.argv[1:])
