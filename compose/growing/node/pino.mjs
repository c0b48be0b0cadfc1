// Pino with obskit's fields: log.info({ order_id }, "order.created").
import pino from "pino";
import { always, exception, level, request } from "./fields.mjs";

export function logger(service, version, destination) {
  return pino({
    base: always(service, version),
    messageKey: "event",
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: level(label) }) },
    mixin: () => ({ logger: service, ...request.getStore() }),
    errorKey: "exception",
    serializers: { exception, err: exception },
    redact: ["password", "token", "authorization", "*.password", "*.token", "*.authorization"],
  }, destination);
}
