const { PATH = "" } = process.env;

/** Environment for programs: Debian keeps daemons where only root's PATH looks. */
export const programEnv = { ...process.env, PATH: `${PATH}:/usr/sbin` };
