import styles from './Icon.module.css'

const PATHS = {
  bell: 'M8 2.2a3.6 3.6 0 0 0-3.600 3.600v2.700L3 11.200h10L11.600 8.500V5.800A3.600 3.600 0 0 0 8 2.200ZM6.600 13.400h2.800',
  chart: 'M2.500 13.500h11M4.500 11V8M8 11V3.500M11.500 11V6',
  check: 'm3.5 8.5 3 3 6-7',
  close: 'm4.5 4.5 7 7m0-7-7 7',
  copy: 'M5.5 5.500V2.500h8v8h-3M2.500 5.500h8v8h-8z',
  download: 'M8 2.500v8m-3.500-3.500L8 10.500l3.500-3.500M2.500 13.500h11',
  exclude: 'M8 2.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11ZM4.200 11.800l7.600-7.600',
  facets: 'M2.500 3.500h11v9h-11zM6 3.500v9',
  filter: 'M2.500 3.500h11L9.500 8.500v4l-3 1v-5z',
  more: 'M3.500 8h0M8 8h0M12.500 8h0',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Zm3.3 7.8 3.2 3.2',
  plus: 'M8 3.5v9M3.5 8h9',
  down: 'm4.5 6.5 3.5 3.5 3.5-3.5',
  up: 'M8 13V3.5m-4 4 4-4 4 4',
  workflow: 'M2.500 2.500h4.500v3.500h-4.500zM9 10h4.500v3.500H9zM4.750 6v5.750H9',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1.5v1.3m0 10.4v1.3M1.5 8h1.3m10.4 0h1.3M3.4 3.4l.9.9m7.4 7.4.9.9m0-9.2-.9.9m-7.4 7.4-.9.9',
  moon: 'M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8Z',
  system: 'M2.5 3.5h11v7h-11zM6 13.5h4',
  keyboard: 'M1.8 4.5h12.4v7.5H1.8zM4.5 7h0m2.3 0h0m2.4 0h0m2.3 0h0M5 9.6h6',
  signOut: 'M6.5 2.5h-4v11h4M10 5l3 3-3 3m3-3H6',
  user: 'M8 2.5a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM2.8 13.5c.6-2.7 2.7-4 5.2-4s4.6 1.3 5.2 4',
  time: 'M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2ZM8 5v3.2l2.2 1.4',
  bookmark: 'M4.5 2.5h7v11L8 10.8 4.5 13.5z',
  sliders: 'M2.5 5h6m4 0h1M2.5 11h1m4 0h6M10.5 3.5v3m-5 3v3',
  sort: 'M4.5 3v10m-2.5-2.5L4.5 13 7 10.500M11.500 13V3M9 5.500 11.500 3 14 5.500',
} as const

export type IconName = keyof typeof PATHS

/** An icon, hidden from screen readers: a button with an icon alone needs an `aria-label`. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className={styles.icon} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
