import { readFile, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { Licenses } from './licenses.ts'

const outDir = '../execution_monitor/web/static'
const compress = promisify(gzip)

/** Writes each asset once more, compressed: the server then never spends time on it. */
function compressAssets(): Plugin {
  return {
    name: 'compress-assets',
    apply: 'build',
    async closeBundle() {
      const folder = path.resolve(import.meta.dirname, outDir, 'assets')
      const texts = (await readdir(folder)).filter((name) => /\.(js|css|svg|json)$/.test(name))
      await Promise.all(
        texts.map(async (name) => {
          const file = path.join(folder, name)
          await writeFile(`${file}.gz`, await compress(await readFile(file), { level: 9 }))
        }),
      )
    },
  }
}

// Beside the pages, and so in the wheel.
const licenses = new Licenses('licenses.txt')

export default defineConfig({
  plugins: [react(), licenses.write(), compressAssets()],
  worker: { plugins: () => [licenses.collect()] },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    // Those that know light-dark().
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // The Content-Security-Policy allows no data: URL.
    assetsInlineLimit: 0,
    // GraphiQL's editor alone is several megabytes; a test holds the dashboard's own page to its budget.
    chunkSizeWarningLimit: 10_000,
    rolldownOptions: {
      input: { index: 'index.html', graphiql: 'graphiql.html' },
      // Libraries say "use no memo" and "use client" to React's compiler and to its server; neither runs here.
      checks: { moduleLevelDirective: false },
    },
  },
  server: {
    proxy: {
      '/graphql': { target: 'http://127.0.0.1:8000', ws: true },
      '/config.json': 'http://127.0.0.1:8000',
      '/development': 'http://127.0.0.1:8000',
    },
  },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
})
