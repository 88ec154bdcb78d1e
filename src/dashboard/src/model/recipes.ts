/** How a client is set up: commands or settings, with the server's address and a key in their places. */
export interface Recipe {
  readonly id: string
  /** The name of the engine or client. */
  readonly title: string
  /** Where the lines go. */
  readonly place: 'environment' | 'spark' | 'flink' | 'shell'
  readonly lines: readonly string[]
}

/** The address and the key in the recipes, as the documentation has them. */
export const EXAMPLE = { url: 'https://monitor.example.org', key: 'em_...' } as const

const { url, key } = EXAMPLE

// Every line stands in src/docs, whose settings tests run with the clients; a test compares them.
export const RECIPES: readonly Recipe[] = [
  {
    id: 'airflow',
    title: 'Airflow',
    place: 'environment',
    lines: [
      'pip install apache-airflow-providers-openlineage',
      `export AIRFLOW__OPENLINEAGE__TRANSPORT='{"type": "http", "url": "${url}", "auth": {"type": "api_key", "api_key": "${key}"}}'`,
      'export AIRFLOW__OPENLINEAGE__NAMESPACE=production',
      'export AIRFLOW__OPENLINEAGE__DISABLE_SOURCE_CODE=True',
    ],
  },
  {
    id: 'dbt',
    title: 'dbt',
    place: 'environment',
    lines: [
      'pip install openlineage-dbt',
      `export OPENLINEAGE_URL=${url}`,
      `export OPENLINEAGE_API_KEY=${key}`,
      'export OPENLINEAGE_NAMESPACE=production',
      'dbt-ol build --consume-structured-logs',
    ],
  },
  {
    id: 'dagster',
    title: 'Dagster',
    place: 'environment',
    lines: [
      'pip install dagster-openlineage',
      `export OPENLINEAGE_URL=${url}`,
      `export OPENLINEAGE_API_KEY=${key}`,
      'export OPENLINEAGE_NAMESPACE=production',
    ],
  },
  {
    id: 'spark',
    title: 'Spark',
    place: 'spark',
    lines: [
      'spark.extraListeners                          io.openlineage.spark.agent.OpenLineageSparkListener',
      'spark.openlineage.transport.type              http',
      `spark.openlineage.transport.url               ${url}`,
      'spark.openlineage.transport.auth.type         api_key',
      `spark.openlineage.transport.auth.apiKey       ${key}`,
      'spark.openlineage.transport.compression       gzip',
      'spark.openlineage.namespace                   production',
    ],
  },
  {
    id: 'flink',
    title: 'Flink',
    place: 'flink',
    lines: [
      'execution.job-status-changed-listeners: io.openlineage.flink.listener.OpenLineageJobStatusChangedListenerFactory',
      'openlineage.transport.type: http',
      `openlineage.transport.url: ${url}`,
      'openlineage.transport.auth.type: api_key',
      `openlineage.transport.auth.apiKey: ${key}`,
    ],
  },
  {
    id: 'openlineage',
    title: 'OpenLineage',
    place: 'environment',
    lines: [
      'export OPENLINEAGE__TRANSPORT__TYPE=http',
      `export OPENLINEAGE__TRANSPORT__URL=${url}`,
      'export OPENLINEAGE__TRANSPORT__AUTH__TYPE=api_key',
      `export OPENLINEAGE__TRANSPORT__AUTH__API_KEY=${key}`,
      'export OPENLINEAGE__TRANSPORT__COMPRESSION=gzip',
      'export OPENLINEAGE_NAMESPACE=production',
    ],
  },
  {
    id: 'otlp',
    title: 'OpenTelemetry',
    place: 'environment',
    lines: [
      `OTEL_EXPORTER_OTLP_ENDPOINT=${url}`,
      `OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20${key}`,
      'OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf',
      'OTEL_EXPORTER_OTLP_COMPRESSION=gzip',
      'OTEL_METRICS_EXPORTER=none',
    ],
  },
  {
    id: 'mutations',
    title: 'GraphQL',
    place: 'shell',
    lines: [
      `curl --fail-with-body --silent "${url}/graphql" \\`,
      `  --header "Authorization: Bearer ${key}" --header "Content-Type: application/json" \\`,
      "  --data '{",
      '    "query": "mutation ($input: ReportExecutionInput!) { reportExecution(input: $input) { changed } }",',
      '    "variables": {"input": {',
      '      "executionId": "nightly-2026-11-01",',
      '      "reportedAt": "2026-11-01T03:00:00Z",',
      '      "workflowName": "nightly",',
      '      "status": "RUNNING",',
      '      "startedAt": "2026-11-01T03:00:00Z"',
      '    }}',
      "  }'",
    ],
  },
]

/** The lines of `recipe` for a server and a key. */
export function printRecipe(recipe: Recipe, server: string, accessKey: string): string {
  return recipe.lines.map((line) => line.replace(url, () => server).replace(key, () => accessKey)).join('\n')
}
