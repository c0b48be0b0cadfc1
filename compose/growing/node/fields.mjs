// The fields that every line has, by the names that obskit's services use.
import { AsyncLocalStorage } from "node:async_hooks";

const LEVELS = { trace: "debug", debug: "debug", verbose: "debug", silly: "debug", http: "info", info: "info",
  warn: "warning", warning: "warning", error: "error", fatal: "critical", critical: "critical" };

export const request = new AsyncLocalStorage();

// Take trace and span from the W3C header; a request without one has none.
export function traceOf(traceparent) {
  const found = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(traceparent ?? "");
  return found ? { trace_id: found[1], span_id: found[2] } : {};
}

export const level = (name) => LEVELS[name] ?? "info";

export const always = (service, version) => ({
  service,
  environment: process.env.OBSKIT_ENVIRONMENT ?? "development",
  version,
});

// An Error as the object that obskit writes.
export function exception(error) {
  const shown = { type: error.name, message: error.message, stacktrace: error.stack ?? "" };
  return error.cause instanceof Error ? { ...shown, cause: exception(error.cause) } : shown;
}
