  // Headers, Blob, Response, Request.
