"""The installed clients."""

from tests.node_clients import node_clients

__all__ = ["node_clients"]
