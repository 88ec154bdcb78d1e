"""Outbound requests: the one way in which the server sends anything to addresses that its users choose.

Such an address must not lead into the network that the server stands in (server-side request forgery). So a URL is
checked where it is stored and again where it is used, its name is resolved once, and what is connected to is an
address that was found public.
"""
