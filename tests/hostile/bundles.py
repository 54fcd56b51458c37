"""Loads damaged schema bundles by Python's own entry: `bundles.py SCHEMA COUNT SEED`. See run.py."""

import random
import sys

import polybus

from tests.hostile.reader import damaged


def main(path: str, count: int, seed: int) -> None:
    type_, chance = polybus.load_schema(path).Everything, random.Random(seed)
    bundles, frame = [bytes(type_.bundle)], type_.encode(name="whole")
    loaded = refused = 0
    for _ in range(count):
        try:
            schema = polybus.Schema.from_bundle(damaged(bundles, chance))
        except polybus.BadSchemaError:
            refused += 1
            continue
        loaded += 1
        try:
            schema.decode(frame).to_dict()
        except (polybus.BadMessageError, polybus.BadSchemaError):
            refused += 1
    print(f"{count} bundles: {loaded} loaded, {refused} errors")
    assert loaded > 0
    assert refused > 0


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
