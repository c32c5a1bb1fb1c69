/** Where the files of an S3 lake are. The prefix ends with a slash unless it is empty. */
export function lakePlace(lake: string): { readonly bucket: string; readonly prefix: string } {
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(lake) ?? [];
  return { bucket, prefix: prefix.replace(/[^/]$/, "$&/") };
}
