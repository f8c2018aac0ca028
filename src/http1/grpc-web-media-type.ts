/** What a gRPC-Web request's content type says. */
export interface GrpcWebMediaType {
  /** The body is base64 of what it would be. */
  readonly text: boolean;
  /** What follows the type, such as `+proto`; empty for none. */
  readonly suffix: string;
}

const MEDIA_TYPE = /^application\/grpc-web(-text)?(\+[a-z0-9.-]{1,32})?[ \t]*(?:;.*)?$/i;

/** @returns undefined when it is not gRPC-Web. Source: grpc/grpc doc/PROTOCOL-WEB.md, "HTTP wire protocols". */
export function grpcWebMediaType(contentType: string): GrpcWebMediaType | undefined {
  const match = MEDIA_TYPE.exec(contentType);
  if (match === null) return undefined;
  return { text: match[1] !== undefined, suffix: (match[2] ?? "").toLowerCase() };
}

/** @returns whether the answer is to be base64: what Accept asks for, else as the request is. */
export function wantsText(accept: string, request: GrpcWebMediaType): boolean {
  const wanted = accept.toLowerCase();
  if (wanted.includes("application/grpc-web-text")) return true;
  return request.text && !wanted.includes("application/grpc-web");
}
