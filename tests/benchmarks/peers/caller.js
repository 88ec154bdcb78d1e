// Who asks: the token's subject and tenant, and whether they may see all of it; throws for what is no token of ours.
import { createSecretKey } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { secret } from './settings.js'

// Made once: of a string, a key would be made for every request.
const key = createSecretKey(Buffer.from(secret))

export function callerOf(authorization = '') {
  const claims = jwt.verify(authorization.replace(/^Bearer /, ''), key, { algorithms: ['HS256'] })
  const seesTenant = claims.scope?.includes('executions:read:tenant') ?? false
  return { user: claims.sub, tenant: claims.tenant_id, seesTenant }
}
