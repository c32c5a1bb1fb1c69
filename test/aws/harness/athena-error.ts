/** An error as Athena answers it: HTTP 400, `__type` and the fields. */
export class AthenaError extends Error {
  readonly type: string;
  readonly fields: Readonly<Record<string, string>>;
  constructor(type: string, message: string, fields: Readonly<Record<string, string>> = {}) {
    super(message);
    this.type = type;
    this.fields = { Message: message, ...fields };
  }
}

/** InvalidRequestException, Athena's most common error. */
export const invalid = (message: string, code = "INVALID_INPUT"): AthenaError =>
  new AthenaError("InvalidRequestException", message, { AthenaErrorCode: code });
