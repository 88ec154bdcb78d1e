"""Messages of alerts: what each kind of channel is sent. All say what, since when and how many, and link to more."""
