// Winston with obskit's fields: log.info("order.created", { order_id }).
import winston from "winston";
import { always, exception, level, request } from "./fields.mjs";

const SECRET = /^(password|token|authorization)$/i;

const shape = winston.format((line) => {
  const { message, level: name, err, ...fields } = line;
  for (const key of Object.keys(fields)) delete line[key];
  delete line.message;
  delete line.err;
  for (const [key, value] of Object.entries(fields)) line[key] = SECRET.test(key) ? "[redacted]" : value;
  Object.assign(line, { timestamp: new Date().toISOString(), level: level(name), event: message }, request.getStore());
  if (err instanceof Error) line.exception = exception(err);
  return line;
});

export function logger(service, version, stream) {
  return winston.createLogger({
    level: "debug",
    defaultMeta: { ...always(service, version), logger: service },
    format: winston.format.combine(shape(), winston.format.json()),
    transports: [new winston.transports.Stream({ stream })],
  });
}
