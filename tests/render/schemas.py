"""Holding documents against the schemas of the documentation."""

import json
from pathlib import Path

import jsonschema
from referencing import Registry, Resource

SCHEMAS = Path(__file__).parents[2] / "docs/formats/json"
LOADED = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
REGISTRY = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in LOADED.items())


def check(name, document):
    """Hold a document against a schema, after a trip through strict JSON."""
    text = json.dumps(document, allow_nan=False)
    jsonschema.Draft202012Validator(LOADED[f"{name}.schema.json"], registry=REGISTRY).validate(json.loads(text))
