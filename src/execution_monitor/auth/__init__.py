"""Callers, and the tokens that prove who they are: claims, scopes, roles, keys, sign-in and revocation."""
