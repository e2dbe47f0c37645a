import json
from pathlib import Path

from policy_nodes.bundle.manifest import Manifest
from policy_nodes.bundle.schema import manifest_schema, write_schema

DOCS = Path(__file__).parents[3] / "docs"


def test_the_published_schema_is_current(tmp_path):
    write_schema(tmp_path / "manifest.schema.json")
    published = (DOCS / "manifest.schema.json").read_text()
    fix = "run: python -m policy_nodes.bundle.schema docs/manifest.schema.json"
    assert published == (tmp_path / "manifest.schema.json").read_text(), fix
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.schema.json"]


def test_every_field_is_in_the_schema_and_in_the_documentation():
    assert set(manifest_schema()["properties"]) == set(Manifest.model_fields)
    text = (DOCS / "bundle.md").read_text()
    for definition in [manifest_schema(), *manifest_schema()["$defs"].values()]:
        for name in definition.get("properties", {}):
            assert f"`{name}`" in text, f"docs/bundle.md does not explain {json.dumps(name)}"
