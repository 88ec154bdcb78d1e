// Exports a run of two steps with the stock client, in JSON over HTTP, as the environment says (OTEL_*).
import { SpanStatusCode, context, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'

const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] })
const tracer = provider.getTracer('payroll')
const root = tracer.startSpan('pay-salaries', { attributes: { 'workflow.name': 'payroll' } })
const within = trace.setSpan(context.active(), root)
const sum = tracer.startSpan('sum', { attributes: { people: 3, currencies: ['EUR', 'CHF'] } }, within)
sum.addEvent('counted', { people: 3 })
sum.end()
const pay = tracer.startSpan('pay', {}, within)
pay.recordException(new RangeError('the account is empty'))
pay.setStatus({ code: SpanStatusCode.ERROR, message: 'the account is empty' })
pay.end()
root.end()
await provider.shutdown()
console.log(root.spanContext().traceId)
