import { status as codes, type ServiceError } from "@grpc/grpc-js";

import { BadRequest, ErrorInfo, RetryInfo } from "../gen/google/rpc/error_details.js";
import { Status } from "../gen/google/rpc/status.js";

/**
 * What an app does. drop: the same again would be refused again. later: it was tried again for long enough; keep it,
 * and send it some other time. stop: nothing will be answered until a person has looked into it.
 */
export type Then = "drop" | "later" | "stop";

/** Why something was not done: the reason in the status' details, the field at fault or "", and what to do. */
export interface Refusal {
  readonly reason: string;
  readonly field: string;
  readonly then: Then;
  /** How long the server asks to be left alone. */
  readonly waitMs: number;
}

const then: Readonly<Record<string, Then>> = {
  INVALID_ARGUMENT: "drop", // a defect of this app: the field is named
  RECEIPT_INVALID: "drop", // not a receipt of this platform, or not unchanged
  RECEIPT_EXPIRED: "drop", // too late
  OVERLOADED: "later",
  RATE_LIMITED: "later",
  RESOURCE_EXHAUSTED: "later", // from gRPC itself, or from a proxy on the way
  CANCELLED: "later", // from gRPC itself, where too many calls wait to be taken up
  UNAVAILABLE: "later",
  DEADLINE_EXCEEDED: "later",
  UNAUTHENTICATED: "stop", // no valid TOKEN
  PERMISSION_DENIED: "stop", // a TOKEN for something else
};

/** Tells whether the same may well succeed a little later. */
export function isPassing(code: codes): boolean {
  return code === codes.UNAVAILABLE || code === codes.RESOURCE_EXHAUSTED || code === codes.DEADLINE_EXCEEDED;
}

/** Reads what a call has ended with; throws on what is no end of a call. */
export function refusalOf(problem: unknown): Refusal {
  if (!isServiceError(problem)) throw problem;
  const [packed] = problem.metadata.get("grpc-status-details-bin");
  return refusalIn(packed ? Status.decode(packed as Buffer) : Status.fromPartial({ code: problem.code }));
}

/** Reads a status. */
export function refusalIn(status: Status): Refusal {
  const reason = detail(status, ErrorInfo)?.reason ?? codes[status.code] ?? "UNKNOWN";
  const field = detail(status, BadRequest)?.fieldViolations[0]?.field ?? "";
  const delay = detail(status, RetryInfo)?.retryDelay;
  const waitMs = delay ? Number(delay.seconds) * 1_000 + delay.nanos / 1_000_000 : 0;
  return { reason, field, then: then[reason] ?? "stop", waitMs };
}

interface Kind<Message> {
  readonly $type: string;
  decode(packed: Uint8Array): Message;
}

function detail<Message>(status: Status, kind: Kind<Message>): Message | undefined {
  const packed = status.details.find((any) => any.typeUrl.endsWith(`/${kind.$type}`));
  return packed && kind.decode(packed.value);
}

function isServiceError(problem: unknown): problem is ServiceError {
  return problem instanceof Error && "code" in problem && "metadata" in problem;
}
