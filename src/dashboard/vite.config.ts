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

/** Writes a gzip copy of each asset, so that the server never compresses one. */
function compressAssets(): Plugin {
  return {
    name: 'compress-assets',
    apply: 'build',
    async closeBundle() {
      const folder = path.resolve(import.meta.dirname, outDir, 'assets')
      const names = (await readdir(folder)).filter((name) => /\.(js|css|svg|json)$/.test(name))
      await Promise.all(
        names.map(async (name) => {
          const file = path.join(folder, name)
          await writeFile(`${file}.gz`, await compress(await readFile(file), { level: 9 }))
        }),
      )
    },
  }
}

// What several pages use, and what a first load begins with: the frame and the pages that one starts at.
const SHARED = /src[\\/]((app|bar|charts|components|graphql|live|messages|model|session)[\\/]|list[\\/].*\.module\.css)/
const STARTS = /src[\\/](alerts[\\/]Bell\.tsx|main\.tsx|list[\\/]ListPage\.tsx|overview[\\/]OverviewPage\.tsx)$/

interface Modules {
  getModuleInfo: (id: string) => { importers: readonly string[] } | null
}

/** Whether a first load needs the module: whether what begins one imports it, directly or not. */
function isOfFirstLoad(id: string, modules: Modules, seen = new Set<string>()): boolean {
  if (STARTS.test(id)) return true
  seen.add(id)
  const importers = modules.getModuleInfo(id)?.importers ?? []
  return importers.some((each) => !seen.has(each) && isOfFirstLoad(each, modules, seen))
}

// Written beside the pages, so that the wheel holds it.
const licenses = new Licenses('licenses.txt')

export default defineConfig({
  plugins: [react(), licenses.write(), compressAssets()],
  worker: { plugins: () => [licenses.collect()] },
  build: {
    outDir,
    emptyOutDir: true,
    // The server reads from it what a page needs (`web/preloads.py`).
    manifest: 'manifest.json',
    target: 'es2022',
    // The first versions with light-dark().
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // The Content-Security-Policy allows no data: URL.
    assetsInlineLimit: 0,
    // GraphiQL's editor alone is several megabytes; a test checks the size of the dashboard's own page.
    chunkSizeWarningLimit: 10_000,
    rolldownOptions: {
      input: { index: 'index.html', graphiql: 'graphiql.html' },
      // What several pages use is two files, of which a first load needs one: some forty small ones take 8 kB more, and as
      // many requests.
      output: {
        codeSplitting: {
          groups: [
            // A group takes what its modules need with them: else a first load would need the second file for this.
            { name: 'urql', test: /node_modules[\\/](@?urql|wonka)[\\/]/, priority: 2 },
            {
              name: (id, modules) => (isOfFirstLoad(id, modules) ? 'shared' : null),
              test: SHARED,
              minShareCount: 2,
              priority: 1,
            },
            { name: 'later', test: SHARED, minShareCount: 2 },
          ],
        },
      },
      // Libraries contain "use no memo" and "use client", which are for React's compiler and server components; we use neither.
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
  test: { environment: 'node', include: ['src/**/*.test.ts'], setupFiles: ['src/messages/tests.ts'] },
})
