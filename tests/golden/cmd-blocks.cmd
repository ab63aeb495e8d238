@REM >>> envctl >>>
@REM The project's variables, written by `envctl sync`; deactivate.bat puts back what was there.
@set "_ENVCTL_CMD_NAMES=A %_ENVCTL_CMD_NAMES%"
@if defined A @setlocal EnableDelayedExpansion
@if defined A @for /f "delims=" %%v in (""!A!"") do @endlocal & set "_ENVCTL_CMD_OLD_A=%%~v"
@set A=say ^"hi^" ^& go
@set "_ENVCTL_CMD_NAMES=B %_ENVCTL_CMD_NAMES%"
@if defined B @setlocal EnableDelayedExpansion
@if defined B @for /f "delims=" %%v in (""!B!"") do @endlocal & set "_ENVCTL_CMD_OLD_B=%%~v"
@set "B=50%% ^ é"
@set "_ENVCTL_CMD_NAMES=PYTHONHASHSEED %_ENVCTL_CMD_NAMES%"
@if defined PYTHONHASHSEED @setlocal EnableDelayedExpansion
@if defined PYTHONHASHSEED @for /f "delims=" %%v in (""!PYTHONHASHSEED!"") do @endlocal & set "_ENVCTL_CMD_OLD_PYTHONHASHSEED=%%~v"
@set "PYTHONHASHSEED=0"
@if defined SLURM_JOB_ID @goto ENVCTL_JOB
@if defined KUBERNETES_SERVICE_HOST @goto ENVCTL_JOB
@if defined PBS_JOBID @goto ENVCTL_JOB
@if defined LSB_JOBID @goto ENVCTL_JOB
@set "_ENVCTL_CMD_NAMES=CUDA_VISIBLE_DEVICES %_ENVCTL_CMD_NAMES%"
@if defined CUDA_VISIBLE_DEVICES @setlocal EnableDelayedExpansion
@if defined CUDA_VISIBLE_DEVICES @for /f "delims=" %%v in (""!CUDA_VISIBLE_DEVICES!"") do @endlocal & set "_ENVCTL_CMD_OLD_CUDA_VISIBLE_DEVICES=%%~v"
@set "CUDA_VISIBLE_DEVICES=2"
:ENVCTL_JOB
@REM <<< envctl <<<

@REM >>> envctl >>>
@if not defined _ENVCTL_CMD_NAMES @goto ENVCTL_UNDONE
@for %%n in (%_ENVCTL_CMD_NAMES%) do @(
    if defined _ENVCTL_CMD_OLD_%%n (
        setlocal EnableDelayedExpansion
        for /f "delims=" %%v in (""!_ENVCTL_CMD_OLD_%%n!"") do @endlocal & set "%%n=%%~v"
        set "_ENVCTL_CMD_OLD_%%n="
    ) else set "%%n="
)
@set _ENVCTL_CMD_NAMES=
:ENVCTL_UNDONE
@REM <<< envctl <<<
