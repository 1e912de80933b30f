import type { Application, ApplicationTree, AppName, ObjectKey } from "../../types";
import { Dialog } from "../../ui/Dialog";

interface Props {
  app: AppName;
  record: Application;
  tree?: ApplicationTree;
  node: ObjectKey;
  onClose: () => void;
}

/** All that is known of one object. */
export function ObjectDrawer({ node, onClose }: Props) {
  return (
    <Dialog title={`${node.kind} ${node.name}`} place="side" width="wide" onClose={onClose}>
      {node.namespace}
    </Dialog>
  );
}
