"""The clients for Node."""

from tests.node_clients import node_clients

__all__ = ["node_clients"]
