"""Callers, and the tokens that prove who they are: claims, scopes, roles, keys, sign-in and revocation.

Nothing here knows the settings: `services` passes what they say.

    verifier = TokenVerifier(SharedSecret(secret), TokenRules(audience="execution-monitor"))
    async with Authenticator(verifier, database) as authenticator:
        caller = await authenticator.authenticate(request.headers)
    caller.require(Scope.EXECUTIONS_READ)
"""
