"""Tradewind: places AI work on the best of many Kubernetes clusters, and moves it when a cloud fails."""

__version__ = "0.1.0"
