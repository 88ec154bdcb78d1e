import { Button } from '../components/Button.tsx'
import form from '../components/form.module.css'
import { Icon } from '../components/Icon.tsx'
import styles from '../components/records.module.css'
import { messages } from '../messages/messages.ts'
import { CHANNEL_KINDS, type TypedChannel } from '../model/ruleForm.ts'

interface ChannelFieldsProps {
  channels: readonly TypedChannel[]
  onChange: (channels: readonly TypedChannel[]) => void
}

/** Where the alerts of a rule are sent to: any number of channels, each with an address. */
export function ChannelFields({ channels, onChange }: ChannelFieldsProps) {
  const words = messages.rules
  const changeAt = (place: number, changes: Partial<TypedChannel>): void =>
    onChange(channels.map((each, at) => (at === place ? { ...each, ...changes } : each)))

  return (
    <fieldset className={styles.scopes}>
      <legend>{words.facts.channels}</legend>
      {channels.map((channel, place) => (
        // A channel has no name of its own.
        <div key={place} className={styles.secret}>
          <select
            className={form.input}
            aria-label={words.channelKind}
            value={channel.kind}
            onChange={(event) =>
              changeAt(place, { kind: CHANNEL_KINDS.find((each) => each === event.target.value) ?? 'email' })
            }
          >
            {CHANNEL_KINDS.map((kind) => (
              <option key={kind} value={kind}>
                {words.typedKinds[kind]}
              </option>
            ))}
          </select>
          <input
            className={form.input}
            aria-label={words.channelAddress}
            value={channel.address}
            required
            autoComplete="off"
            spellCheck={false}
            placeholder={words.placeholders[channel.kind]}
            onChange={(event) => changeAt(place, { address: event.target.value })}
          />
          <Button
            kind="quiet"
            aria-label={words.removeChannel}
            onClick={() => onChange(channels.filter((_, at) => at !== place))}
          >
            <Icon name="close" />
          </Button>
        </div>
      ))}
      <div>
        <Button onClick={() => onChange([...channels, { kind: 'email', address: '' }])}>
          <Icon name="plus" /> {words.addChannel}
        </Button>
      </div>
    </fieldset>
  )
}
