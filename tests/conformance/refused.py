"""Python's part: for each line "TOPIC SCHEMA" of standard input, what a subscriber (argument
`publisher`: a publisher) with that file's Main is told."""

import sys

import polybus

with polybus.Node("refused") as node:
    for line in sys.stdin:
        topic, path = line.split()
        try:
            with getattr(node, sys.argv[1])(topic, polybus.load_schema(path).Main):
                print("fits")
        except polybus.Error as error:
            print(error.code, error)
