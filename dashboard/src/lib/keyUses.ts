// Where admin keys were used from, as the server remembers it: the key is named by what it says of
// itself, `0 writing 1760000000`.

export interface KeyUse {
  _id: string;
  key: string;
  address: string;
  /** When first and last, ms; the last to the day. */
  first: number;
  last: number;
  /** It was the key's first address, or somebody has said that it is theirs. */
  known: boolean;
}

export interface KeyName {
  holder: string;
  readOnly: boolean;
  issued: number;
}

export function keyName(key: string): KeyName {
  const [member = "", rights, issued] = key.split(" ");
  const holder = member === "system" ? "system" : member === "0" ? "admin" : `member ${member}`;
  return { holder, readOnly: rights === "reading", issued: Number(issued) * 1000 };
}
