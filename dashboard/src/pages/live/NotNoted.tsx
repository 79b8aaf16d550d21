// For a moment of which nothing is known.

import { Empty } from "../../components/ui";

export function NotNoted() {
  return <Empty title="Nothing was noted by then">What there is on the server is noted while a live page is open.</Empty>;
}
