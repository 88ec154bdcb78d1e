"""Queries compiled once per document: collect what is selected, plan how it is read, emit it as JSON.

What no plan knows - mutations, introspection, `node`, a value that breaks its type's promise - is left to graphql-core,
which answers the same, more slowly.
"""
