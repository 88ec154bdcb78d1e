import { existsSync, readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import type { Plugin } from 'vite'

interface Package {
  folder: string
  name: string
  version: string
  license: string
  repository: string
}

interface Manifest {
  name?: string
  version?: string
  license?: string
  repository?: string | { url: string }
}

const TEXTS = /^(licen[cs]e|copying|notice|thirdpartynotices)/i

/**
 * Writes the licence texts of all packages in the build into `fileName`.
 *
 * Vite's own `build.license` covers neither the bundles of workers nor the imports of style sheets, such as fonts.
 */
export class Licenses {
  private readonly found = new Map<string, Package>()

  constructor(private readonly fileName: string) {}

  /** The plugin for workers, which are bundled before the pages. */
  collect(): Plugin {
    return {
      name: 'collect-licenses',
      apply: 'build',
      generateBundle: (_, bundle) => {
        this.add(Object.values(bundle).flatMap(sourcesOf))
      },
    }
  }

  /** The plugin for the pages. */
  write(): Plugin {
    const { fileName, found } = this
    const add = this.add.bind(this)
    return {
      name: 'write-licenses',
      apply: 'build',
      generateBundle(_, bundle) {
        add(Object.values(bundle).flatMap(sourcesOf))
        this.emitFile({ type: 'asset', fileName, source: render([...found.values()]) })
      },
    }
  }

  private add(sources: string[]): void {
    for (const source of sources) {
      const bundled = packageOf(source)
      if (bundled !== null) this.found.set(`${bundled.name} ${bundled.version}`, bundled)
    }
  }
}

type Output = { type: 'chunk'; moduleIds: string[] } | { type: 'asset'; originalFileNames: string[] }

function sourcesOf(output: Output): string[] {
  const sources = output.type === 'chunk' ? output.moduleIds : output.originalFileNames
  return sources.filter((source) => source.includes('node_modules/') && !source.startsWith('\0'))
}

/** The package that contains `source`; manifests without a name, which some packages have in subfolders, are skipped. */
function packageOf(source: string): Package | null {
  let folder = path.dirname(path.resolve(import.meta.dirname, source))
  while (folder.includes('node_modules')) {
    const file = path.join(folder, 'package.json')
    const manifest = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Manifest) : {}
    if (manifest.name !== undefined && manifest.version !== undefined) {
      const { name, version, license = 'unknown', repository = '' } = manifest
      const url = typeof repository === 'string' ? repository : repository.url
      return { folder, name, version, license, repository: url.replace(/^git\+|\.git$/g, '') }
    }
    folder = path.dirname(folder)
  }
  return null
}

function render(packages: Package[]): string {
  const ordered = packages.sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1))
  const textOf = (one: Package) =>
    textsIn(one) ||
    // Where a repository has several packages, often only one of them contains the text.
    ordered
      .filter((other) => one.repository !== '' && other.repository === one.repository)
      .map(textsIn)
      .find(Boolean)
  const sections = ordered.map((one) => {
    const text = textOf(one) ?? `The package holds no text of its licence; it is from ${one.repository || one.name}.`
    return `${one.name} ${one.version} (${one.license})\n\n${text}\n`
  })
  return ['The pages of Execution Monitor contain code of these packages.\n', ...sections].join(`\n${'-'.repeat(80)}\n`)
}

function textsIn({ folder }: Package): string {
  const files = readdirSync(folder).filter((name) => TEXTS.test(name) && !/\.[cm]?[jt]s$/.test(name))
  return files
    .sort()
    .map((name) => readFileSync(path.join(folder, name), 'utf8').trim())
    .join('\n\n')
}
