import { messages } from '../messages/messages.ts'

/** The fields of an execution that tell how far it is. */
export interface Progressing {
  progress: { currentStep: number; totalSteps: number; percentage: number }
  stepsCompleted: number
  stepsFailed: number
}

/** How far an execution is: `2/10`, and `20 %, at step 8, 1 step failed`. Null where its number of steps is unknown. */
export function describeProgress(execution: Progressing): { count: string; details: string } | null {
  const { currentStep, totalSteps, percentage } = execution.progress
  const { stepsCompleted, stepsFailed } = execution
  if (totalSteps === 0) return null
  // Some engines count no steps, but say which share is done.
  const isCounted = stepsCompleted > 0 || stepsFailed > 0
  const done = isCounted ? stepsCompleted : Math.round((Math.min(100, Math.max(0, percentage)) / 100) * totalSteps)
  const details = [
    messages.model.percent(Math.round(percentage)),
    done < totalSteps && currentStep > 0 && messages.model.atStep(currentStep),
    stepsFailed > 0 && messages.model.stepsFailed(stepsFailed),
  ]
  return { count: `${done}/${totalSteps}`, details: details.filter(Boolean).join(', ') }
}
