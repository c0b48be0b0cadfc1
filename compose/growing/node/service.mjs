// A service as small as it can be: one access line, one duration and one outcome a request.
//   node service.mjs pino 8300 orders.jsonl
import { createWriteStream } from "node:fs";
import { createServer } from "node:http";
import client from "prom-client";
import { exception, request, traceOf } from "./fields.mjs";

const [library, port, file] = process.argv.slice(2);
const SERVICE = "node-orders";
const { logger } = await import(`./${library}.mjs`);
const log = logger(SERVICE, "1.0.0", createWriteStream(file, { flags: "a" }));

const registry = new client.Registry();
registry.setContentType(client.Registry.OPENMETRICS_CONTENT_TYPE);
registry.setDefaultLabels({ service_name: SERVICE });
const duration = new client.Histogram({
  name: "http_server_request_duration_seconds",
  help: "Duration of HTTP server requests",
  labelNames: ["http_request_method", "http_route", "http_response_status_code", "error_type", "outcome"],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  enableExemplars: true,
  registers: [registry],
});

// Routes are templates, never paths: a path in a label is a series for each order.
const ROUTES = [["/orders/:id", /^\/orders\/\w+$/], ["/fail", /^\/fail$/]];

function answer(route) {
  if (route === "/fail") throw new Error("no stock", { cause: new Error("warehouse is closed") });
  log.info(library === "pino" ? { password: "hunter2" } : "order.read", library === "pino" ? "order.read" : { password: "hunter2" });
  return 200;
}

const server = createServer(async (asked, response) => {
  const path = asked.url.split("?")[0];
  if (path === "/livez" || path === "/readyz") return response.end("ok");
  if (path === "/metrics") {
    response.setHeader("Content-Type", registry.contentType);
    return response.end(await registry.metrics());
  }
  const trace = traceOf(asked.headers.traceparent);
  request.run(trace, () => handle(asked, response, path, trace));
});

function handle(asked, response, path, trace) {
  const began = process.hrtime.bigint();
  const route = ROUTES.find(([, form]) => form.test(path))?.[0] ?? "unmatched";
  let status = 404, failure;
  try {
    if (route !== "unmatched") status = answer(route);
  } catch (error) {
    [status, failure] = [500, error];
  }
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const outcome = status >= 500 ? "server_error" : status >= 400 ? "client_error" : "ok";
  const labels = { http_request_method: asked.method, http_route: route, http_response_status_code: String(status),
    error_type: failure?.name ?? (status >= 500 ? String(status) : ""), outcome };
  duration.observe({ labels, value: seconds, exemplarLabels: trace.trace_id ? { trace_id: trace.trace_id } : {} });
  const fields = { method: asked.method, route, path, status, duration_ms: seconds * 1000, outcome,
    ...(failure ? { exception: library === "pino" ? failure : exception(failure) } : {}) };
  const name = failure ? "error" : "info";
  library === "pino" ? log[name](fields, "http.request") : log[name]("http.request", fields);
  response.statusCode = status;
  response.end();
}

server.listen(Number(port), "127.0.0.1", () => console.log(server.address().port));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
