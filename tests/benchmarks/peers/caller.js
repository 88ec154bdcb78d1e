// The caller: subject and tenant of the token, and whether they may see all of the tenant; throws if it is invalid.
import { createSecretKey } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { secret } from './settings.js'

// Made once: from a string, a key would be made for every request.
const key = createSecretKey(Buffer.from(secret))

export function callerOf(authorization = '') {
  const claims = jwt.verify(authorization.replace(/^Bearer /, ''), key, { algorithms: ['HS256'] })
  const seesTenant = claims.scope?.includes('executions:read:tenant') ?? false
  return { user: claims.sub, tenant: claims.tenant_id, seesTenant }
}
