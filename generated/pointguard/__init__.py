"""The wire contract's generated code; import the modules of pointguard.v1."""
