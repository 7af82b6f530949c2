"""Who a request comes from (`Callers`) and what that caller may do (`allowed`, `require`)."""

from gateway.auth.authority import Action, allowed, require
from gateway.auth.callers import Callers

__all__ = ["Action", "Callers", "allowed", "require"]
