"""JSON Schema of ``manifest.json``, for editors and for readers in other languages.

Regenerate with ``python -m policy_nodes.bundle.schema docs/manifest.schema.json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from policy_nodes.bundle.manifest import SCHEMA_VERSION, Manifest


def manifest_schema() -> dict[str, Any]:
    """The schema as a JSON value (draft 2020-12)."""
    schema = Manifest.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"Keel bundle manifest, schema version {SCHEMA_VERSION}; generated, do not edit.",
        **schema,
    }


def write_schema(path: Path) -> None:
    """Write the schema, replacing the file only when it is complete."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(manifest_schema(), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    temporary.replace(path)


if __name__ == "__main__":
    write_schema(Path(sys.argv[1]))
