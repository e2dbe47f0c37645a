"""Turns policies of other frameworks into bundles."""
