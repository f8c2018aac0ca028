/** Name of the listener that captured connections come to; none of the configuration's can be called so. */
export const CAPTURE_LISTENER = "@capture";
/** Name of the cluster that requests on connections to the canary's address go to, whatever they name. */
export const CANARY_CLUSTER = "canary.isobar";
