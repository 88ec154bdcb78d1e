/** The page that helps to connect an engine. */
export const connect = {
  title: 'Connect your engine',
  hint: 'Your engine reports with the client that it has. A run appears here with its first event.',
  client: 'What do you run?',
  settingsOf: (client: string) => `Settings for ${client}`,
  places: {
    environment: 'Set these where it runs',
    spark: 'In spark-defaults.conf',
    flink: 'In the configuration of Flink',
    shell: 'From a shell, or any program',
  },
  makeKey: 'Make a key for it',
  copy: 'Copy the settings',
  keyNeeded: 'Without a key of its own the client is refused.',
  keyMade: 'The key is shown here once: copy the settings before you leave. It reports executions and reads nothing.',
  mayMakeNoKey: 'You may not make keys: have someone with the scope keys:write make one for you.',
  waiting: 'Waiting for the first event …',
  hasCome: 'It reports:',
}
