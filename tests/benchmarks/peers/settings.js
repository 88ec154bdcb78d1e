// The settings of every peer: its port, the database, the secret of tokens.
import { parseArgs } from 'node:util'

export const port = Number(parseArgs({ options: { port: { type: 'string' } } }).values.port)
export const uri = process.env.BENCH_URI
export const database = process.env.BENCH_DATABASE
export const secret = process.env.BENCH_SECRET
