/** What is compared of a step. */
export interface ComparedStep {
  stepId: string
  name: string
  durationSeconds: number | null
}

/** A step in this execution and in the one it is compared with; null seconds where it is not there, or not done. */
export interface StepDifference {
  stepId: string
  name: string
  now: number | null
  before: number | null
  /** How much longer it took, in seconds; 0 where that cannot be said. */
  longer: number
}

/** A place in the inputs at which the two differ, as `a.b[2]`; undefined where there is nothing. */
export interface InputDifference {
  path: string
  now: unknown
  before: unknown
}

const MOST_DIFFERENCES = 200

/** The steps of both, those that took longer first by how much. */
export function compareSteps(now: readonly ComparedStep[], before: readonly ComparedStep[]): StepDifference[] {
  const earlier = new Map(before.map((step) => [step.stepId, step]))
  const here = new Set(now.map((step) => step.stepId))
  const all = [...now, ...before.filter((step) => !here.has(step.stepId))]
  const current = new Map(now.map((step) => [step.stepId, step]))
  return all
    .map(({ stepId, name }) => {
      const seconds = current.get(stepId)?.durationSeconds ?? null
      const then = earlier.get(stepId)?.durationSeconds ?? null
      return {
        stepId,
        name,
        now: seconds,
        before: then,
        longer: seconds === null || then === null ? 0 : seconds - then,
      }
    })
    .sort((one, other) => other.longer - one.longer)
}

/** Where the JSON values `now` and `before` differ, the first 200 places. */
export function compareInputs(now: unknown, before: unknown): InputDifference[] {
  const found: InputDifference[] = []
  collect(now, before, '', found)
  return found
}

function collect(now: unknown, before: unknown, path: string, found: InputDifference[]): void {
  if (found.length >= MOST_DIFFERENCES || Object.is(now, before)) return
  if (Array.isArray(now) && Array.isArray(before)) {
    for (let index = 0; index < Math.max(now.length, before.length); index += 1) {
      collect(now[index], before[index], `${path}[${index}]`, found)
    }
  } else if (isObject(now) && isObject(before)) {
    for (const key of new Set([...Object.keys(now), ...Object.keys(before)])) {
      collect(valueAt(now, key), valueAt(before, key), path === '' ? key : `${path}.${key}`, found)
    }
  } else {
    found.push({ path, now, before })
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function valueAt(object: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined
}
