import styles from './Chart.module.css'

interface SparklineProps {
  /** What it shows, in words: `12 in the last 24 hours, most at 03:00`. */
  label: string
  values: readonly number[]
  tone?: 'FAILED' | 'COMPLETED' | 'accent' | 'soft'
}

/** A row of small bars, without axes: a trend beside a name. */
export function Sparkline({ label, values, tone = 'soft' }: SparklineProps) {
  const most = Math.max(1, ...values)
  return (
    <svg
      className={`${styles.sparkline ?? ''} ${styles[tone] ?? ''}`}
      viewBox={`0 0 ${Math.max(1, values.length)} 1`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {values.map((value, place) => {
        // Few can be seen beside many.
        const height = value === 0 ? 0.03 : Math.max(0.1, value / most)
        // A bar is identified by its place.
        return <rect key={place} x={place + 0.1} width={0.8} y={1 - height} height={height} />
      })}
    </svg>
  )
}
