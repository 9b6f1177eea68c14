package androidx.test.runner.lifecycle;

/** What an application has come to. */
public enum ApplicationStage { PRE_ON_CREATE, CREATED }
