// Before the first edit of production in a tab.

import { Button, Dialog } from "../components/ui";
import { useDeployment } from "../lib/deployment";
import { useEditQuestion } from "../lib/production";

export function EditQuestion() {
  const { session } = useDeployment();
  const answer = useEditQuestion();
  if (!answer) return null;
  const footer = (
    <>
      <Button onClick={() => answer(false)}>Change nothing</Button>
      <Button look="danger" onClick={() => answer(true)} data-testid="edit-production">
        Edit production
      </Button>
    </>
  );
  return (
    <Dialog title={`Edit ${session.name}, which is production?`} onClose={() => answer(false)} footer={footer} testId="edit-question">
      <p>What you change is what users of the app see at once. This tab does not ask again.</p>
    </Dialog>
  );
}
