"""The two kinds of words that a manifest holds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]{1,128}$")]
"""Of a joint, a term, a bundle."""
Text = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
"""Words for people; without control characters."""
