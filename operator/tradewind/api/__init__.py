"""The resources of tradewind.dev: models, the CRDs made from them, and conversion to the core's data."""
