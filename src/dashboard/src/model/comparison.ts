import type { Status } from './status.ts'

/** The fields of a step that a comparison reads. */
export interface ComparedStep {
  stepId: string
  name: string
  status: Status
  durationSeconds: number | null
}

/** A step in two executions: seconds and status in each, null where it is missing; seconds also where it has not ended. */
export interface StepDifference {
  stepId: string
  name: string
  now: number | null
  before: number | null
  statusNow: Status | null
  statusBefore: Status | null
  /** How many seconds longer it took now; 0 where either is null. */
  longer: number
}

/** Two inputs that differ at a path such as `a.b[2]`; undefined where one has no such path. */
export interface InputDifference {
  path: string
  now: unknown
  before: unknown
}

const MAX_DIFFERENCES = 200

/** The steps of both executions, the largest increase in duration first; attempts of one step count together. */
export function compareSteps(now: readonly ComparedStep[], before: readonly ComparedStep[]): StepDifference[] {
  const [current, earlier] = [sumAttempts(now), sumAttempts(before)]
  return [...current.values(), ...[...earlier.values()].filter((step) => !current.has(step.stepId))]
    .map(({ stepId, name }) => {
      const seconds = current.get(stepId)?.durationSeconds ?? null
      const then = earlier.get(stepId)?.durationSeconds ?? null
      return {
        stepId,
        name,
        now: seconds,
        before: then,
        statusNow: current.get(stepId)?.status ?? null,
        statusBefore: earlier.get(stepId)?.status ?? null,
        longer: seconds === null || then === null ? 0 : seconds - then,
      }
    })
    .sort((one, other) => other.longer - one.longer)
}

// Below these shares of the longer of two steps, and of the longer of their executions, a difference is noise.
const SHARE_OF_STEP = 0.2
const SHARE_OF_EXECUTION = 0.01

/** Whether two numbers, such as seconds or a cost, differ by more than noise. */
export function differsClearly(one: number, other: number): boolean {
  return one !== other && Math.abs(one - other) >= SHARE_OF_STEP * Math.max(Math.abs(one), Math.abs(other))
}

/** Whether a step differs by more than noise between two executions, the longer of which took `seconds`. */
export function isSignificant(
  { now, before, statusNow, statusBefore, longer }: StepDifference,
  seconds: number,
): boolean {
  if (statusNow !== statusBefore) return true
  if (now === null || before === null) return now !== before
  return differsClearly(now, before) && Math.abs(longer) >= SHARE_OF_EXECUTION * seconds
}

function sumAttempts(steps: readonly ComparedStep[]): Map<string, ComparedStep> {
  const sums = new Map<string, ComparedStep>()
  for (const step of steps) {
    const { durationSeconds } = sums.get(step.stepId) ?? { durationSeconds: 0 }
    const sum =
      durationSeconds === null || step.durationSeconds === null ? null : durationSeconds + step.durationSeconds
    sums.set(step.stepId, { ...step, durationSeconds: sum })
  }
  return sums
}

/** The first 200 differences between the JSON values `now` and `before`. */
export function compareInputs(now: unknown, before: unknown): InputDifference[] {
  const found: InputDifference[] = []
  collect(now, before, '', found)
  return found
}

function collect(now: unknown, before: unknown, path: string, found: InputDifference[]): void {
  if (found.length >= MAX_DIFFERENCES || Object.is(now, before)) return
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
