"""One module per use case: what a request asks for, done through the engine."""
