/** Names of listeners and nodes. */
export const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
/** Names of zones; an empty one stands for none. */
export const ZONE = /^[A-Za-z0-9._-]*$/;
/** Names of labels, as Kubernetes has them. */
export const LABEL_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$/;
