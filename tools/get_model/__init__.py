"""The modules of tools/get-model."""
